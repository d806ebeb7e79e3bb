# shellcheck shell=bash
# bash completion for expstart. It needs bash 4.4, and nothing of the bash-completion package; what it leaves
# behind are its functions. The options are those of args.c; test/integration/command_completion compares.
#
# Readline breaks words where COMP_WORDBREAKS says, so "--retry=failed,un" may come as one word or as five. What
# is offered is made for whole arguments (`current`), and then the part that readline keeps (`kept`) is cut off.
#
# The functions share the variables of _expstart, the last one.

# Puts the arguments before the cursor together again: into `arguments`, the one at the cursor last.
_expstart_split() {
  local rest=${COMP_LINE:0:COMP_POINT} next word i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    next=${rest#"${rest%%[![:space:]]*}"}
    word=${COMP_WORDS[i]}
    ((i < COMP_CWORD)) || word=$next
    if ((i == 0)) || [[ $next != "$rest" ]]; then
      arguments+=("$word")
    else
      arguments[-1]+=$word
    fi
    rest=${next#"$word"}
  done
}

# The options of the sub-command, into `options`. --api-key is not offered: it exists to be refused.
_expstart_options() {
  local where=(-e --endpoint --api-key-file --ca-file)
  local how=(-r --rate -j --in-flight --deadline)
  local ask=(--dry-run -y --yes)
  local see=(-o --output -q --quiet -v --verbose)
  case $command in
  start) options=(-f --file -n --note --journal "${where[@]}" "${how[@]}" "${ask[@]}" "${see[@]}") ;;
  resume) options=(--retry --change -n --note "${where[@]}" "${how[@]}" "${ask[@]}" "${see[@]}") ;;
  status) options=(--json) ;;
  verify) options=("${where[@]}" --change "${how[@]}" "${see[@]}") ;;
  export) options=(--format --status -o --output) ;;
  report) options=(-o --output) ;;
  *) return 1 ;;
  esac
  options+=(-h --help --version)
}

# What an option's value is: `kind` is files, word, list (of words, with commas) or nothing if it has none; of
# words and lists `choices` has what can be offered. Fails if it has none.
_expstart_kind() { # option
  kind='' choices=()
  [[ " ${options[*]} --api-key " == *" $1 "* ]] || return
  case $1 in
  -f | --file | --api-key-file | --ca-file | -o | --output | --journal) kind=files ;;
  --format) kind=word choices=(csv ndjson) ;;
  --retry) kind=list choices=(failed unknown rejected) ;;
  --change)
    kind=list choices=(endpoint key)
    [[ $command == verify ]] || choices+=(note)
    ;;
  --status) kind=list choices=(pending sending started running rejected failed unknown canceled) ;;
  -e | --endpoint)
    kind=word
    if [[ -n ${ABSMARTLY_API_ENDPOINT-} ]]; then
      choices=("$ABSMARTLY_API_ENDPOINT")
      [[ -n $quote ]] || printf -v 'choices[0]' %q "$ABSMARTLY_API_ENDPOINT"
    fi
    ;;
  -n | --note | -r | --rate | -j | --in-flight | --deadline | --api-key) kind=word ;;
  esac
  [[ -n $kind ]]
}

# Of letters such as -qr10, finds the one that has a value: sets `option` (-r), `value` (10) and `kind`.
_expstart_letters() { # argument
  local at
  for ((at = 1; at < ${#1}; at++)); do
    option=-${1:at:1} value=${1:at+1}
    ! _expstart_kind "$option" || return 0
  done
  return 1
}

# What the argument at the cursor is, by those before it: sets `option` if it is the value of one, `operands` to
# how many there were, and `ended` if "--" was among them.
_expstart_scan() {
  local argument awaiting='' value
  for argument in "${arguments[@]:2:${#arguments[@]}-3}"; do
    if [[ -n $awaiting ]]; then
      awaiting=''
    elif [[ $argument == *[\<\>] ]]; then
      awaiting='>'
    elif [[ $argument == [\<\>]* || $argument == [0-9][\<\>]* ]]; then
      continue
    elif [[ -n $ended || $argument != -?* ]]; then
      operands=$((operands + 1))
    elif [[ $argument == -- ]]; then
      ended=yes
    elif [[ $argument == --* ]]; then
      ! _expstart_kind "$argument" || awaiting=$argument
    elif _expstart_letters "$argument" && [[ -z $value ]]; then
      awaiting=$option
    fi
  done
  option=$awaiting
}

_expstart_offer() { # whole argument...
  local argument
  for argument; do
    if [[ $argument == "$current"* && $argument == "$kept"* ]]; then
      COMPREPLY+=("${argument#"$kept"}")
    fi
  done
}

# Readline itself knows best how names are quoted, but must see the name and nothing else. Where it sees more or
# less, as in --file=NAME without a break at "=", names are made here.
_expstart_offer_files() { # name as it begins; `prefix` is before it in its argument
  if [[ $replaced == "$1" ]]; then
    compopt -o default
    return
  fi
  local name begun=$1 names=()
  [[ -n $quote ]] || begun=${begun//\\/}
  mapfile -t names < <(compgen -f -- "$begun")
  for name in "${names[@]}"; do
    if [[ -d $name ]]; then
      name+=/
      compopt -o nospace
    fi
    [[ -n $quote ]] || printf -v name %q "$name"
    _expstart_offer "$prefix$name"
  done
}

# The next word of a list; none that it has already. A comma may follow, unless it is the last that there is.
_expstart_offer_list() { # list as it begins
  local choice begun=${1%"${1##*,}"} left=()
  for choice in "${choices[@]}"; do
    [[ ",$begun" == *",$choice,"* ]] || left+=("$prefix$begun$choice")
  done
  ((${#left[@]} < 2)) || compopt -o nospace
  _expstart_offer "${left[@]}"
}

_expstart_offer_value() { # value as it begins
  case $kind in
  files) _expstart_offer_files "$1" ;;
  list) _expstart_offer_list "$1" ;;
  word) _expstart_offer "${choices[@]/#/$prefix}" ;;
  esac
}

_expstart() { # command, word that readline replaces, word before it
  local IFS=$' \t\n'
  local arguments=() options=() choices=() command='' option='' value='' kind='' prefix='' ended='' operands=0
  local replaced=$2 current kept quote=''
  COMPREPLY=()
  _expstart_split
  current=${arguments[-1]}
  kept=${current%"$replaced"}
  if [[ $kept == *[\"\'] ]]; then # readline keeps a quote that is open
    quote=${kept: -1}
    kept=${kept%?}
    current=$kept$replaced
  fi

  if ((${#arguments[@]} < 3)); then
    if [[ $current == -* ]]; then
      _expstart_offer -h --help --version
    else
      _expstart_offer start resume status verify export report
    fi
    return
  fi
  command=${arguments[1]}
  _expstart_options || return 0
  _expstart_scan
  if [[ $option == '>' || $current == [\<\>]* || $current == [0-9][\<\>]* ]]; then
    compopt -o default # a redirection
  elif [[ -n $option ]]; then
    _expstart_kind "$option"
    _expstart_offer_value "$current"
  elif [[ -n $ended || $current != -* ]]; then
    if [[ $command != start ]] && ((operands == 0)); then
      _expstart_offer_files "$current"
    fi
  elif [[ $current == --*=* ]]; then
    prefix=${current%%=*}=
    _expstart_kind "${prefix%=}"
    _expstart_offer_value "${current#"$prefix"}"
  elif [[ $current != --* ]] && _expstart_letters "$current" && [[ -n $value ]]; then
    prefix=${current%"$value"}
    _expstart_offer_value "$value"
  else
    _expstart_offer "${options[@]}"
  fi
}

complete -F _expstart expstart
