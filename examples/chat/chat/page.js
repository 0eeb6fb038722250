const [state, messages, form] = ['state', 'messages', 'form'].map((id) => document.getElementById(id));
const seen = new Set();
let socket;

function show({ id, name, text }) {
  if (seen.has(id)) return;
  seen.add(id);
  const line = document.createElement('li');
  line.textContent = `${name}: ${text}`;
  messages.append(line);
}

function connect() {
  socket = new WebSocket(new URL('/socket', location.href.replace(/^http/, 'ws')));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.replica !== undefined) state.textContent = `Connected to ${message.replica}`;
    else if (message.problem !== undefined) state.textContent = message.problem;
    else show(message);
  };
  socket.onclose = () => {
    state.textContent = 'Connecting again…';
    setTimeout(connect, 500 + Math.random() * 500);
  };
}

form.onsubmit = (event) => {
  event.preventDefault();
  socket.send(JSON.stringify(Object.fromEntries(new FormData(form))));
  form.elements.text.value = '';
};

connect();
