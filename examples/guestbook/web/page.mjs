const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export const escapeHtml = (text) => text.replace(/[&<>"']/g, (sign) => entities[sign]);

const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });

function entryHtml({ name, message, time }) {
  const date = new Date(time);
  return `      <li class="entry">
        <p class="message">${escapeHtml(message)}</p>
        <p class="by">${escapeHtml(name)}, <time datetime="${date.toISOString()}">${day.format(date)} UTC</time></p>
      </li>`;
}

/** The whole page. `problem` is what was wrong with the entry just sent; `draft` is that entry, so that it is not lost. */
export function pageHtml({ entries, total, limits, problem, draft = { name: '', message: '' } }) {
  const list =
    entries.length === 0
      ? '<p class="empty">Nobody has signed yet. Be the first.</p>'
      : `<ol class="entries">\n${entries.map(entryHtml).join('\n')}\n    </ol>`;
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Guestbook</title>
  <link rel="stylesheet" href="/page.css">
</head>
<body>
  <header>
    <h1>Guestbook</h1>
    <p>Two containers, one volume: Node serves this page, Redis keeps what you write.</p>
  </header>
  <main>
    <section aria-labelledby="sign">
      <h2 id="sign">Sign the book</h2>
      ${problem === undefined ? '' : `<p class="problem" role="alert">${escapeHtml(problem)}</p>`}
      <form method="post" action="/entries">
        <label for="name">Your name</label>
        <input id="name" name="name" required maxlength="${limits.name}" autocomplete="name" value="${escapeHtml(draft.name)}">
        <label for="message">Your message</label>
        <textarea id="message" name="message" required maxlength="${limits.message}" rows="3">${escapeHtml(draft.message)}</textarea>
        <button type="submit">Sign</button>
      </form>
    </section>
    <section aria-labelledby="entries">
      <h2 id="entries">${total} ${total === 1 ? 'entry' : 'entries'}</h2>
      ${list}
    </section>
  </main>
</body>
</html>
`;
}
