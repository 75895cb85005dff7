FROM a
MAINTAINER  Somebody <s@example.com>
USER  1000:1000
WORKDIR  /a b/c
STOPSIGNAL SIGTERM
EXPOSE 80 53/udp 8000-8010/tcp
ONBUILD COPY . /app
onbuild run make
From b
from a
