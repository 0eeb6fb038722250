mkdir -p a/b/c node_modules/x docs/keep .git
for f in a/b/c/one.log a/b/two.txt a/three.log node_modules/x/i.js docs/a.md docs/keep/b.md .git/HEAD README.md '#odd' top.log; do
  echo "$f" >"$f"
done
printf '# comment\n**/*.log\n!a/three.log\n node_modules \n/docs\n!docs/keep\n.git\n*.md\n\\#odd\n' >.dockerignore
