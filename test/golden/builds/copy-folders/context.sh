mkdir -p d/sub/empty e/sub
echo 1 >d/one
echo 2 >d/sub/two
echo new >e/one
chmod 700 d/sub
chmod 1777 d/sub/empty
chmod 750 e/sub
