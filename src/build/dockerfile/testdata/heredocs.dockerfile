FROM debian
RUN <<EOF
echo a
	echo $b \
# not a comment
EOF
RUN <<-'END' cat && cat 3<<"B" <<C
	tabs
	END
b
B
c
C
COPY <<one.txt <<-"two.txt" plain.txt /dst/
hello $name
one.txt
	tabbed
two.txt
RUN ["exec", "<<EOF"]
RUN cat << spaced | sh
content
spaced
RUN echo $((1<<3))
ONBUILD RUN <<EOF
triggered
EOF
CMD cat <<EOF
USER nobody
