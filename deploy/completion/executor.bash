# bash completion for executor: commands, and the flags that each command's own help names.
_executor() {
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}
  if [ "$COMP_CWORD" = 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" --help | sed -n 's/^  \([a-z]*\) .*/\1/p') --help --version" -- "$word")
    return
  fi
  case $previous in
    --role) mapfile -t COMPREPLY < <(compgen -W "all api worker" -- "$word") && return ;;
    --queue) mapfile -t COMPREPLY < <(compgen -W "redis embedded rabbitmq" -- "$word") && return ;;
    --backend) mapfile -t COMPREPLY < <(compgen -W "auto native docker local" -- "$word") && return ;;
    --log-level) mapfile -t COMPREPLY < <(compgen -W "info warn error" -- "$word") && return ;;
  esac
  if [[ $word == -* ]]; then
    local arguments=("$command")
    [[ $command == rootfs && ${COMP_WORDS[2]} =~ ^(build|check)$ ]] && arguments+=("${COMP_WORDS[2]}")
    mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "${arguments[@]}" --help | grep -o -e '--[a-z-]*')" -- "$word")
  elif [ "$command" = rootfs ] && [ "$COMP_CWORD" = 2 ]; then
    mapfile -t COMPREPLY < <(compgen -W "build check" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _executor executor
