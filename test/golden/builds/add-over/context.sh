mkdir -p in/etc/new in/home
echo mine >in/etc/group
echo n >in/etc/new/n
chmod 711 in/home
tar -cf a.tar --owner=5 --group=6 -C in etc home
rm -r in
