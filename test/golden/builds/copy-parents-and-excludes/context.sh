mkdir -p a/b c/d c/sub
for f in a/b/1.txt a/b/2.txt c/d/3 c/d/7.log c/4.log c/sub/5 c/6 one.log one.txt; do echo "$f" >"$f"; done
