echo c >c
