FROM a
RUN b \
  c
RUN <<E
x
E
USER d