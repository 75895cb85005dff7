# escape=`
FROM a
RUN dir C:\ `
  more
ENV x=`"y`" p=C:\z
COPY a\ b`
  c