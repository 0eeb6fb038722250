head -c 5000000 /dev/zero | tr '\0' a >big
: >empty
truncate -s 9M sparse
printf end >>sparse
truncate -s 1M hole
