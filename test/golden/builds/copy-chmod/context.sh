mkdir -p d/e
echo f >d/e/f
echo g >g
ln -s f d/e/l
