echo one >a.txt
echo two >b.txt
chmod 640 b.txt
echo run >run.sh
chmod 4755 run.sh
