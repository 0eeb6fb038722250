echo x >v1.txt
