# syntax=docker/dockerfile:1
#Escape = \

# check=skip=all   is no directive any more: a blank line ended them
FROM debian:bookworm AS Base

  # an indented comment
   RUN echo one \
# a comment inside
   two \

   && echo three \\
RUN echo "four" \   
    # indented comment inside
  	&& echo five
cmd echo \a \
