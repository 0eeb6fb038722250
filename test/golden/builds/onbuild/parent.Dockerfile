FROM busybox
ONBUILD COPY ctx /on/build
ONBUILD RUN echo ran >/on/ran
ONBUILD ENV FROM_PARENT=yes
ONBUILD WORKDIR /on
