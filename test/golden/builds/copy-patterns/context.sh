mkdir -p src/x src/y
for f in a1.go a2.go b.go 'c d.go' src/x/x.go src/y/y.go '[b].go'; do echo "$f" >"$f"; done
