long=$(printf 'n%.0s' $(seq 200))
mkdir -p "$long/$long"
echo l >"$long/$long/$long"
echo u >'grüße-日本.txt'
echo s >"quote'\"\\back"
echo t >"$(printf 'tab\tin')"
echo d >./-dash
echo e >"$(printf 'cafe\314\201')"
ln -s "$long/$long/$long" link
