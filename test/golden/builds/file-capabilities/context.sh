cp "$(command -v setcap || echo /sbin/setcap)" setcap
mkdir lib
cp $(ldd setcap | grep -o '/[^ ]*') lib/
