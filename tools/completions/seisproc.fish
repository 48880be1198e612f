# SPDX-License-Identifier: BSD-3-Clause
# Completion of seisproc for fish. The program itself says what may stand where (seisproc --complete WORD...).

function __seisproc_complete
    set -l last (commandline -ct)
    test -n "$last"; or set last ''
    set -l words (commandline -opc) $last
    set -l head (string match -r -- '^--[^=]*=' $words[-1])
    test -n "$head"; or set head ''
    for line in ($words[1] --complete $words[2..-1] 2>/dev/null)
        if not string match -q -- ':files*' $line
            echo $line
            continue
        end
        set -l endings (string split -n ' ' -- (string replace -- ':files' '' $line))
        set -l value (string replace -r -- '^--[^=]*=' '' $words[-1])
        for path in $value*
            if test -d $path
                echo $head$path/
            else if test (count $endings) -eq 0; or contains -- (string replace -r -- '.*\.' '' $path) $endings
                echo $head$path
            end
        end
    end
end

complete -c seisproc -f -a '(__seisproc_complete)'
