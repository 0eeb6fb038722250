mkdir -p root/etc
echo s >root/etc/s
echo prog >prog
chmod 755 prog
