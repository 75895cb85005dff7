# A real terminal (tmux) around the real program.
load common

setup_file() {
  use_own_store
  build_busybox
  export TMUX_SOCKET=$BATS_FILE_TMPDIR/tmux
}
teardown_file() {
  tmux -S "$TMUX_SOCKET" kill-server 2>/dev/null || true
  remove_own_store
}

type_in() { tmux -S "$TMUX_SOCKET" send-keys "$@"; }
screen() { tmux -S "$TMUX_SOCKET" capture-pane -p; }
shows() { grep -qE -- "$1" <<<"$(screen)"; }

@test "run --rm -it sh works in a terminal" {
  tmux -S "$TMUX_SOCKET" -f /dev/null new-session -d -x 100 -y 30 'PS1="host> " exec bash --norc'
  type_in 'strata run --rm -it --hostname inside busybox sh' Enter
  until_true 60 shows '^/ #'
  type_in 'tty; hostname; echo $((6 * 7))' Enter
  until_true 60 shows '^/dev/(pts/0|console)'
  until_true 60 shows '^inside'
  until_true 60 shows '^42'
  type_in 'stty size' Enter
  until_true 60 shows '^30 100'
}

@test "the size follows the window, Ctrl-C reaches the process, not strata" {
  tmux -S "$TMUX_SOCKET" resize-window -x 90 -y 25
  type_in 'clear; echo asleep; sleep 1000' Enter
  until_true 60 shows '^asleep'
  type_in C-c
  type_in 'stty size; echo "code $?"' Enter
  until_true 60 shows '^25 90'
  until_true 60 shows '^code 0'
}

@test "its exit code comes through and the terminal is as before" {
  type_in 'exit 5' Enter
  until_true 60 shows '^host>'
  type_in 'echo "exit $?"; stty -a | tr " " "\n" | grep -xE "icanon|echo;?"' Enter
  until_true 60 shows '^exit 5'
  until_true 60 shows '^icanon'
  [ -z "$(strata ps -aq)" ]
}

@test "ctrl-p ctrl-q detaches and leaves it running" {
  # A prompt of its own: the one of the container before is still on the screen.
  type_in 'clear; strata run -it --name detached -e PS1="detach> " busybox sh' Enter
  until_true 60 shows '^detach>'
  type_in C-p C-q
  until_true 60 shows '^detach> host>'
  [ "$(strata ps --format '{{.Names}}' 2>/dev/null || strata ps | tail -n 1 | awk '{print $NF}')" = detached ]
  strata rm -f detached
  assert_nothing_left
}

@test "-t without a terminal is refused" {
  run bash -c 'strata run --rm -it busybox true </dev/null'
  [ "$status" -ne 0 ]
  assert_match "$output" 'not a TTY'
}
