mkdir d
echo bound >d/f
