# Completion of dlock(1) for fish. Options and their values are read from `dlock COMMAND --help`, so this file knows none of
# them. Keys come from the store that the line names.

function __dlock_sub
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; and continue
        echo $word
        return
    end
end

function __dlock_needs_command
    test -z (__dlock_sub)""
end

# In the job's command, behind the first -- of run.
function __dlock_in_job
    contains -- -- (commandline -opc); and test (__dlock_sub)"" = run
end

function __dlock_options
    command dlock (__dlock_sub) --help 2>/dev/null | string replace -rf '^  (-[^ ]+).*' '$1' | string split ,
end

function __dlock_value_of
    set -l name (string escape --style=regex -- $argv[1])
    command dlock (__dlock_sub) --help 2>/dev/null | string replace -rf "^  (?:[^ ]+,)?$name(?:,[^ ]+)? ([^ ]+).*" '$1'
end

function __dlock_keys
    set -l store
    set -l words (commandline -opc)
    for i in (seq 2 (count $words))
        switch $words[$i]
            case --tls-insecure '--store=*' '--prefix=*' '--config=*' '--password-*=*' '--sentinel-*=*' '--tls-*=*'
                set -a store $words[$i]
            case --store --prefix --config '--password-*' '--sentinel-*' '--tls-*'
                set -a store $words[$i] $words[(math $i + 1)]
        end
    end
    timeout 2 dlock list --keys $store 2>/dev/null
end

function __dlock_complete
    set -l token (commandline -ct)
    set -l before (commandline -opc)[-1]
    set -l lead
    if string match -q -- '--*=*' $token
        set before (string split -m1 = -- $token)[1]
        set lead $before=
    end
    set -l value
    string match -q -- '-*=*' $before; and test -z "$lead"; and set before ""
    string match -q -- '-*' $before; and test "$before" != --; and set value (__dlock_value_of $before)
    if test -n "$value"; and not string match -q '\[*' -- $value
        switch $value
            case FILE
                __fish_complete_path (string replace -- "$lead" '' $token)
            case 'SIG*'
                printf "$lead%s\n" (string replace -r '^SIG' '' -- (kill -l | string split ' '))
            case URL
                printf "$lead%s\n" local redis:// rediss:// unix:/// redis+sentinel:// rediss+sentinel:// redis+cluster:// rediss+cluster:// valkey:// valkeys://
            case HOW
                printf "$lead%s\n" auto walk cgroup pidns
            case '*|*'
                printf "$lead%s\n" (string split '|' -- (string replace 'DUR|' '' -- $value))
        end
    else if string match -q -- '-*' $token; and test "$before" != --
        __dlock_options
    else
        switch (__dlock_sub)
            case status unlock
                __dlock_keys
            case completion
                printf '%s\n' bash zsh fish
            case run
                echo --
        end
    end
end

# What follows the -- is a command line of its own.
function __dlock_job
    set -l words (commandline -opc)
    set -l job $words[(contains -i -- -- $words)..-1]
    complete -C "$(string join ' ' -- (string escape -- $job[2..-1]) (commandline -ct))"
end

complete -c dlock -f
complete -c dlock -n __dlock_needs_command -a run -d 'Run a job while holding a lock'
complete -c dlock -n __dlock_needs_command -a status -d 'Report the holder of a lock and its waiters'
complete -c dlock -n __dlock_needs_command -a list -d 'List all locks that are held'
complete -c dlock -n __dlock_needs_command -a unlock -d 'Free a lock whose holder is dead, or take it by force'
complete -c dlock -n __dlock_needs_command -a doctor -d 'Check whether this machine and store can keep the promise'
complete -c dlock -n __dlock_needs_command -a heartbeat -d 'Report the progress of a job from inside'
complete -c dlock -n __dlock_needs_command -a completion -d 'Print a completion script for a shell'
complete -c dlock -n 'not __dlock_needs_command; and not __dlock_in_job' -a '(__dlock_complete)'
complete -c dlock -n __dlock_in_job -a '(__dlock_job)'
