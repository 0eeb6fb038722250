mkdir -p in/d
echo f >in/d/f
ln -s d/f in/l
ln in/d/f in/hard
chown 12:34 in/d/f
chmod 2750 in/d
set -- --sort=name --mtime=@0 -C in .
tar -cf plain.tar "$@"
tar -czf plain.tarz "$@"
tar -cjf plain.tarj "$@"
tar -cJf plain.tarJ "$@"
tar -c "$@" | zstd -q >plain.tar-zst
gzip -nc in/d/f >text.gz
mkdir folder
echo x >folder/x
cp plain.tar named.txt
echo no >fake.tar
rm -r in
