mkdir -p real d
echo r >real/r
ln -s real link
ln -s ../real/r d/rel
ln -s /etc/passwd d/abs
ln -s nowhere d/dangling
ln -s real/r file-link
