FROM scratch
CMD []
CMD ["a", "b c"]
CMD [ "a" ] trailing
CMD ['single', 'quotes']
CMD [ "unterminated"
CMD ["\u00e9", "\"", "♥"]
ENTRYPOINT [ "/bin/x" ]
ENTRYPOINT /bin/x $y
RUN ["/bin/sh", "-c", "echo $HOME"]
RUN   echo   spaced   out
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
VOLUME /a /b
VOLUME ["/a b", "/c"]
COPY ["with space", "/dst/"]
ADD a b /dst/
