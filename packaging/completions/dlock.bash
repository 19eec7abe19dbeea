# Completion of dlock(1) for bash. Needs nothing else; where bash-completion is there, it completes the job's command.
#
# Options and their values are read from `dlock COMMAND --help`, so this file knows none of them. Keys come from the store
# that the line names. They are data: nothing of them is ever expanded.

_dlock_add() {   # _dlock_add WORD...: those that begin as the word under the cursor does
  local word
  for word; do
    [[ $word != "$current"* ]] || COMPREPLY+=("$word")
  done
}

_dlock_options() { command dlock "$1" --help 2>/dev/null | sed -nE 's/^  (-[^ ]+).*/\1/p' | tr , '\n'; }

# What stands behind an option in the help: FILE, DUR, kill|continue, ...; nothing if it is a flag.
_dlock_value_of() {
  command dlock "$1" --help 2>/dev/null | sed -nE "s/^  ([^ ]+,)?$2(,[^ ]+)? ([^ ]+).*/\3/p"
}

_dlock_keys() {
  local key
  while IFS= read -r key; do
    [[ $key != "$current"* ]] || COMPREPLY+=("$(printf %q "$key")")
  done < <(timeout 2 dlock list --keys "${store_options[@]}" 2>/dev/null)
}

_dlock_value() {   # _dlock_value KIND
  case $1 in
    FILE) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") && compopt -o filenames ;;
    SIG | 'SIG[:DUR]') _dlock_add $(compgen -A signal | sed -n 's/^SIG//p') ;;
    URL) _dlock_add local redis:// rediss:// unix:/// redis+sentinel:// rediss+sentinel:// redis+cluster:// rediss+cluster:// valkey:// valkeys:// ;;
    HOW) _dlock_add auto walk cgroup pidns ;;
    *'|'*) IFS='|' read -ra values <<<"${1#DUR|}" && _dlock_add "${values[@]}" ;;
  esac
}

_dlock() {
  local line=${COMP_LINE:0:COMP_POINT} current before="" sub="" word i values=() store_options=()
  COMPREPLY=()
  # Bash breaks words at = and : as well; the word that is meant ends at a blank.
  current=${line##*[[:space:]]}
  read -ra words <<<"$line"
  [[ -z $current ]] || unset 'words[-1]'
  for ((i = 1; i < ${#words[@]}; i++)); do
    word=${words[i]}
    if [[ $word == -- && $sub == run ]]; then
      _dlock_job
      return
    fi
    [[ -n $sub || $word == -* ]] || sub=$word
    case $word in
      --store | --prefix | --config | --password-* | --sentinel-* | --tls-*)
        store_options+=("$word")
        [[ $word == --tls-insecure || $((i + 1)) -ge ${#words[@]} ]] || store_options+=("${words[i + 1]}")
        ;;
      --store=* | --prefix=* | --config=* | --password-*=* | --sentinel-*=* | --tls-*=*) store_options+=("$word") ;;
    esac
    before=$word
    [[ $before != -*=* ]] || before=""   # it has its value
  done
  if [[ -z $sub ]]; then
    _dlock_add run status list unlock doctor heartbeat completion --help --version
  elif [[ $current == --*=* ]]; then
    before=${current%%=*}
    current=${current#*=}
    _dlock_value "$(_dlock_value_of "$sub" "$before")"
  elif [[ $before == -* && $before != -- && -n $(_dlock_value_of "$sub" "$before") &&
      $(_dlock_value_of "$sub" "$before") != '['* ]]; then
    _dlock_value "$(_dlock_value_of "$sub" "$before")"
  elif [[ $current == -* && $before != -- ]]; then
    _dlock_add $(_dlock_options "$sub")
  elif [[ $sub == status || $sub == unlock ]]; then
    _dlock_keys
  elif [[ $sub == completion ]]; then
    _dlock_add bash zsh fish
  elif [[ $sub == run ]]; then
    _dlock_add --
  fi
  # Readline replaces only what is behind its last break.
  local broken=${line##*[[:space:]]} breaks="" kept
  for kept in "=" ":"; do
    [[ $COMP_WORDBREAKS != *"$kept"* ]] || breaks+=$kept
  done
  if [[ -n $breaks && $broken == *["$breaks"]* ]]; then
    kept=${broken%"${broken##*["$breaks"]}"}
    [[ $broken != --*=* ]] || kept=${kept#"${broken%%=*}="}
    for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$kept"}; done
  fi
  [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *:// ]] || compopt -o nospace
}

# What follows the -- is a command line of its own.
_dlock_job() {
  local i
  for ((i = 1; i < COMP_CWORD; i++)); do
    [[ ${COMP_WORDS[i]} != -- ]] || break
  done
  if declare -F _command_offset >/dev/null; then
    _command_offset $((i + 1))
  elif ((COMP_CWORD == i + 1)); then
    mapfile -t COMPREPLY < <(compgen -c -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$current") && compopt -o filenames
  fi
}

complete -F _dlock dlock
