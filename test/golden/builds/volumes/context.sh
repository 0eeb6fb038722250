echo later >later
