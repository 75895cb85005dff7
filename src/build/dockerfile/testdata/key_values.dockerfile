ARG GLOBAL
ARG A=1 B="two words" C
FROM x
ENV name value with spaces  
ENV name=value other="quoted value" escaped=with\ space 'single'='x y'
ENV dollar=$name url=http://x/?a=b empty=
ENV multi=1 \
    line=2
LABEL com.example.key="v" "spaced key"=v
LABEL legacy some text
ARG one two=2 "three=3 3"
