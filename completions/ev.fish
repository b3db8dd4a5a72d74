# Completion of evpub, evsub, evtail, evlag, evtrim, evdlq and evreplay for fish
#
# Names of streams and groups come from the server that the command line, else
# EV_URL, else REDIS_URL names, if redis-cli or valkey-cli is there and the
# server answers within 300 ms; a password is not asked for.  Installed once for
# each program, so what is below runs for the first of them only.

if not functions -q __ev_ask

function __ev_url
    set -l words (commandline -opc)
    for i in (seq (count $words))
        switch $words[$i]
            case -u --url
                set -q words[(math $i + 1)]
                and echo $words[(math $i + 1)]
                and return
            case '--url=*' '-u?*'
                string replace -r '^(--url=|-u)' '' -- $words[$i]
                return
        end
    end
    for url in $EV_URL $REDIS_URL redis://127.0.0.1:6379
        if test -n "$url"
            echo $url
            return
        end
    end
end

# __ev_ask COMMAND... - what the server answers, in lines, or nothing; names with
# blanks or control characters are left out
function __ev_ask
    set -l client (command -v redis-cli valkey-cli)[1]
    test -n "$client"; or return 0
    set -l url (__ev_url)
    set -l limit (command -v timeout >/dev/null; and echo timeout\n0.3)
    set -l db 0
    set -l login
    set -l where
    # Every group takes part in a match, if only with nothing.
    if string match -qr '^(unix://|/)' -- $url
        set -l parts (string match -r '^(?:unix://)?((?:.*@(?=/))?)(/[^?]*)(?:\?db=)?(\d*)$' -- $url)
        set -q parts[4]; or return 0
        set login (string replace -r '@$' '' -- $parts[2])
        set where -s $parts[3]
        test -n "$parts[4]"; and set db $parts[4]
    else
        set -l parts (string match -r '^((?:rediss?://)?)((?:.*@)?)([^/:]+):?(\d*)/?(\d*)$' -- $url)
        set -q parts[6]; or return 0
        test "$parts[2]" = rediss://; and set where --tls
        set login (string replace -r '@$' '' -- $parts[3])
        set -a where -h $parts[4]
        test -n "$parts[5]"; and set -a where -p $parts[5]
        test -n "$parts[6]"; and set db $parts[6]
    end
    if string match -q '*:*' -- "$login"
        set -l both (string split -m 1 : -- $login)
        test -n "$both[1]"; and set -a where --user $both[1]
        set -lx REDISCLI_AUTH $both[2]
        $limit $client $where -n $db --raw $argv 2>/dev/null </dev/null
    else
        $limit $client $where -n $db --raw $argv 2>/dev/null </dev/null
    end | string match -r '^[^[:blank:][:cntrl:]]*$' | head -n 1000
end

function __ev_streams
    set -l names (__ev_ask SCAN 0 MATCH (commandline -ct)'*' COUNT 10000 TYPE stream)
    set -q names[2]; and printf '%s\n' $names[2..-1]
end

# Groups of the streams among the words, of many streams if there are none.
function __ev_groups
    set -l streams
    set -l words (commandline -opc)
    for i in (seq 2 (count $words))
        string match -q -- '-*' $words[$i] $words[(math $i - 1)]
        or set -a streams $words[$i]
    end
    __ev_ask EVAL '
        local r, keys = {}, KEYS
        if #keys == 0 then
            keys = redis.call("SCAN", 0, "COUNT", 1000, "TYPE", "stream")[2]
        end
        for _, key in ipairs(keys) do
            local groups = redis.pcall("XINFO", "GROUPS", key)
            for _, group in ipairs(groups.err and {} or groups) do
                r[#r + 1] = group[2]
            end
        end
        return r' (count $streams) $streams | sort -u
end

# options of evpub evsub evtail evlag evtrim evdlq evreplay
for c in evpub evsub evtail evlag evtrim evdlq evreplay
    complete -c $c -f -a '(__ev_streams)'
    complete -c $c -s u -l url -x -a 'redis:// rediss:// unix:///' -d 'Where the server is'
    complete -c $c -l password-file -r -F -d 'Read the password from a file'
    complete -c $c -l cacert -r -F -d 'CA certificates (PEM)'
    complete -c $c -l cert -r -F -d 'Client certificate (PEM)'
    complete -c $c -l cert-key -r -F -d 'Key of the client certificate (PEM)'
    complete -c $c -l sni -x -d 'Server name to verify'
    complete -c $c -l insecure -d 'Do not verify the server'
    complete -c $c -l retry-for -x -d 'How long to try to (re)connect'
    complete -c $c -l reply-timeout -x -d 'Give up a server silent so long (30s)'
end
# end

# options of evsub evtail evdlq evreplay
for c in evsub evtail evdlq evreplay
    complete -c $c -s t -l type -x -d 'Keep events of this type'
    complete -c $c -s e -l filter -x -d 'Keep events for which this jq expression is true'
    complete -c $c -s j -l jq -x -d 'Print what this jq program makes of each event'
    complete -c $c -s c -l count -x -d 'Stop after so many events'
    complete -c $c -s w -l timeout -x -d 'Stop after this long'
    complete -c $c -s m -l meta -d 'Print records, not bare events'
    complete -c $c -s 0 -l null -d 'End output lines with NUL'
    complete -c $c -l field -x -d 'The entry field that holds the event'
end
# end

# options of evpub
complete -c evpub -s t -l type -x -d 'Wrap each line as data of a CloudEvent'
complete -c evpub -l source -x -d 'Source of wrapped events'
complete -c evpub -l subject -x -d 'Subject of wrapped events'
complete -c evpub -l correlation -x -d 'correlationid of wrapped events'
complete -c evpub -l causation -x -d 'causationid of wrapped events'
complete -c evpub -l traceparent -x -d 'traceparent of wrapped events'
complete -c evpub -l ext -x -d 'Extension of wrapped events, NAME=VALUE'
complete -c evpub -l text -d 'Wrap lines that are not JSON'
complete -c evpub -l fill -d 'Insert a missing id or time into envelopes'
complete -c evpub -l records -d 'Take records, publish their events'
complete -c evpub -l envelope -x -a 'auto cloudevents domain none' -d 'Check what is recognised, demand one, or none'
complete -c evpub -l schema -r -F -d 'Check events by this JSON Schema'
complete -c evpub -l schema-dir -x -a '(__fish_complete_directories)' -d 'Check events by the schemas in it'
complete -c evpub -l schema-map -x -d 'Schemas that are files, PREFIX=DIR'
complete -c evpub -l assert-format -d 'Check the format keyword too'
complete -c evpub -l schema-required -d 'Refuse events that have no schema'
complete -c evpub -s i -l ids -d 'Print the id of each event'
complete -c evpub -s T -l events -d 'Print each event once it is stored'
complete -c evpub -l to -x -a 'cloudevents domain' -d 'Convert to another envelope'
complete -c evpub -l rejects -r -F -d 'Write refused lines to a file'
complete -c evpub -l strict -d 'Stop at a refused line'
complete -c evpub -l dry-run -d 'Check everything, publish nothing'
complete -c evpub -l max-bytes -x -d 'Refuse longer lines (1M)'
complete -c evpub -l dedup -x -d 'Skip events whose id was seen this long ago'
complete -c evpub -l dedup-key -x -d 'What to tell duplicates by (the id)'
complete -c evpub -l atomic -x -d 'Store so many lines together or not at all'
complete -c evpub -l delay -x -d 'Publish this long from now'
complete -c evpub -l at -x -d 'Publish at this time'
complete -c evpub -l promote -d 'Publish what is scheduled and due, and exit'
complete -c evpub -l compat -x -a 'backward forward full' -d 'Compare two schemas'
complete -c evpub -l priority -d 'Publish to the stream of the priority'
complete -c evpub -l route -d 'Publish to the stream of the type, by the config'
complete -c evpub -l await -x -a '(__ev_streams)' -d 'Wait for the replies and print them'
complete -c evpub -l rate -x -d 'At most so many events per second'
complete -c evpub -l max-lag -x -d 'Wait while a group is further behind'
complete -c evpub -l maxlen -x -d 'Trim the stream to about so many entries'
complete -c evpub -l no-create -d 'Fail if the stream does not exist'
complete -c evpub -l durability -x -a 'none leader fsync replicas=' -d 'When an event counts as stored'
complete -c evpub -s w -l timeout -x -d 'How long durability (5s) or a reply (30s) may take'
# end

# options of evsub
complete -c evsub -s g -l group -x -a '(__ev_groups)' -d 'The consumer group'
complete -c evsub -l consumer -x -d 'Name within the group (HOST:PID:RANDOM)'
complete -c evsub -l from -x -a 'start end now 1h 1d 7d' -d 'Where a new group starts'
complete -c evsub -s b -l batch -x -d 'Read at most so many at a time'
complete -c evsub -s E -l until-end -d 'Stop once what is there now is handled'
complete -c evsub -l lease -x -d 'Take over from consumers silent so long (30s)'
complete -c evsub -l manual -d 'Acknowledge nothing'
complete -c evsub -l settle -d 'Acknowledge the records on standard input'
complete -c evsub -l coprocess -d 'One command for all events'
complete -c evsub -s P -l jobs -x -d 'Handlers at once (1)'
complete -c evsub -l attempts -x -d 'Failures until an event is dead (5)'
complete -c evsub -l backoff -x -d 'Until the second attempt, then doubled (1s)'
complete -c evsub -l backoff-max -x -d 'Longest time between two attempts (1h)'
complete -c evsub -l job-timeout -x -d 'End a handler that takes longer'
complete -c evsub -l grace -x -d 'For handlers to end at a stop (25s)'
complete -c evsub -l max-waiting -x -d 'Stop reading when so many wait (10000)'
complete -c evsub -l priorities -d 'Read critical, high, normal and low events'
complete -c evsub -l ordered -d 'Retry in place, one by one'
complete -c evsub -l key -x -d 'Keep events of one key in order'
complete -c evsub -s O -l output -x -a '(__ev_streams)' -d 'Publish what handlers print'
complete -c evsub -l output-type -x -d 'Type of wrapped output'
complete -c evsub -l schema-dir -x -a '(__fish_complete_directories)' -d 'Check events by the schemas in it'
complete -c evsub -l schema-map -x -d 'Schemas that are files, PREFIX=DIR'
complete -c evsub -l assert-format -d 'Check the format keyword too'
# end

# options of evtail
complete -c evtail -s n -l lines -x -a 'all +1 10 100' -d 'The last, from one on, or all (10)'
complete -c evtail -s f -l follow -d 'Go on with new events'
complete -c evtail -s S -l since -x -a 'start end now 1h 1d 7d' -d 'From this time on'
complete -c evtail -s U -l until -x -a 'start end now 1h 1d 7d' -d 'Up to this time'
complete -c evtail -l correlation -x -d 'Keep an event and those it correlates'
complete -c evtail -l to -x -a 'cloudevents domain' -d 'Convert to another envelope'
complete -c evtail -l checkpoint -r -F -d 'Go on behind the last run'
complete -c evtail -s g -l group -x -a '(__ev_groups)' -d 'Print records with their status in a group'
complete -c evtail -l status -x -a 'waiting pending retrying done dead' -d 'Keep what is in these states'
complete -c evtail -l stats -d 'Count by type, source, priority and status'
complete -c evtail -l format -x -a 'table ndjson' -d 'Of the counts: table or ndjson (table)'
complete -c evtail -l delayed -d 'List scheduled events, by when they are due'
complete -c evtail -l schema-dir -x -a '(__fish_complete_directories)' -d 'Check events by the schemas in it'
complete -c evtail -l schema-map -x -d 'Schemas that are files, PREFIX=DIR'
complete -c evtail -l assert-format -d 'Check the format keyword too'
complete -c evtail -l invalid -d 'Keep events that break their schema'
# end

# options of evdlq
complete -c evdlq -s g -l group -x -a '(__ev_groups)' -d 'Keep what this group gave up'
complete -c evdlq -l reason -x -a 'exhausted rejected crash-loop invalid oversize trimmed' -d 'Keep what died of this'
complete -c evdlq -s S -l since -x -a 'start end now 1h 1d 7d' -d 'Keep what died from this time on'
complete -c evdlq -s U -l until -x -a 'start end now 1h 1d 7d' -d 'Keep what died up to this time'
complete -c evdlq -l stats -d 'Count by what they died of'
complete -c evdlq -l format -x -a 'table ndjson' -d 'How counts are printed'
complete -c evdlq -l check -x -d 'Print how many, beyond so many exit 1'
complete -c evdlq -l redrive -d 'Send back to the group'
complete -c evdlq -l to -x -a '(__ev_streams)' -d 'Redrive to this stream'
complete -c evdlq -l force -d 'Redrive more than 3 times'
complete -c evdlq -l purge -d 'Remove'
complete -c evdlq -l rate -x -d 'At most so many a second'
complete -c evdlq -l stdin -d 'Take (edited) records from stdin'
complete -c evdlq -s y -l yes -d 'Do it, not only print the plan'
complete -c evdlq -l no-audit -d 'No event in ev:audit'
# end

# options of evtrim
complete -c evtrim -l keep -x -a '1d 7d 30d' -d 'Trim what is older than this'
complete -c evtrim -l before -x -a 'end now 1d 7d 30d' -d 'Trim what is before this'
complete -c evtrim -l maxlen -x -d 'Trim to so many entries'
complete -c evtrim -l max-bytes -x -a '100M 1G' -d 'Trim to about so much memory'
complete -c evtrim -l archive -r -F -d 'Append to a file what is trimmed'
complete -c evtrim -l dead -x -a '7d 30d' -d 'Trim dead letters that died longer ago'
complete -c evtrim -l consumers -x -a '1d' -d 'Remove consumers idle so long that hold nothing'
complete -c evtrim -l policy -r -F -d 'What to do with which streams'
complete -c evtrim -l delete -d 'Remove single entries'
complete -c evtrim -l ids -d 'Take ids or records from stdin'
complete -c evtrim -l delayed -d 'Cancel scheduled events'
complete -c evtrim -s t -l type -x -d 'Remove events of this type'
complete -c evtrim -s e -l filter -x -d 'Remove events for which this jq expression is true'
complete -c evtrim -l correlation -x -d 'Remove an event and those it correlates'
complete -c evtrim -s S -l since -x -a 'start end now 1h 1d 7d' -d 'Remove from this time on'
complete -c evtrim -s U -l until -x -a 'start end now 1h 1d 7d' -d 'Remove up to this time'
complete -c evtrim -s c -l count -x -d 'Remove so many events at most'
complete -c evtrim -l field -x -d 'The entry field that holds the event'
complete -c evtrim -l force -d 'Also what groups need'
complete -c evtrim -s y -l yes -d 'Do it, not only print the plan'
complete -c evtrim -s w -l timeout -x -d 'Stop after this long'
complete -c evtrim -l format -x -a 'text ndjson' -d 'Of what is printed'
complete -c evtrim -l no-audit -d 'No event in ev:audit'
# end

# options of evlag
complete -c evlag -s g -l group -x -a '(__ev_groups)' -d 'Show the groups that match'
complete -c evlag -l format -x -a 'table ndjson prometheus nagios' -d 'How rows are printed'
complete -c evlag -l to -r -F -d 'Replace a file by the output'
complete -c evlag -l interval -x -d 'Look again and again'
complete -c evlag -s c -l count -x -d 'Stop after so many looks or alerts'
complete -c evlag -s w -l timeout -x -d 'Stop after this long'
complete -c evlag -l check -d 'Exit as Nagios plugins do'
complete -c evlag -l warn -x -d 'Thresholds of warnings'
complete -c evlag -l crit -x -d 'Thresholds of what is critical'
complete -c evlag -l rules -r -F -d 'Thresholds by stream and group'
complete -c evlag -l alerts -d 'Print events when rules fire and clear'
complete -c evlag -l health -d 'Check the server'
complete -c evlag -l watch -d 'Show it on the terminal, again and again'
complete -c evlag -l jobs -d 'Show what runs, waits or is stuck'
complete -c evlag -l lease -x -d 'Who is silent for longer is gone (30s)'
complete -c evlag -l sample -x -d 'Look twice, that far apart, for rates'
# end

# options of evreplay
complete -c evreplay -l in -r -F -d 'Events from this file, - for stdin'
complete -c evreplay -l skip -x -d 'Pass over so many lines of --in'
complete -c evreplay -l max-bytes -x -d 'Refuse longer lines (16M)'
complete -c evreplay -l to -x -a '(__ev_streams)' -d 'Publish to this stream'
complete -c evreplay -s S -l since -x -a 'start end now 1h 1d 7d' -d 'From this time on'
complete -c evreplay -s U -l until -x -a 'start end now 1h 1d 7d' -d 'Up to this time'
complete -c evreplay -l speed -x -d 'Keep the original spacing, so many times as fast'
complete -c evreplay -l max-gap -x -d 'No pause longer than this'
complete -c evreplay -l rate -x -d 'At most so many events per second'
complete -c evreplay -l mark -d 'Add to each event where it comes from'
complete -c evreplay -l checkpoint -r -F -d 'Go on behind the last run'
complete -c evreplay -l force -d 'Into itself; although consumers are active'
complete -c evreplay -l maxlen -x -d 'Trim the stream to about so many entries'
complete -c evreplay -l no-create -d 'Fail if the stream does not exist'
complete -c evreplay -l durability -x -a 'none leader fsync replicas=' -d 'When an event counts as stored'
complete -c evreplay -l rewind -x -a '(__ev_groups)' -d 'Move a group'
complete -c evreplay -l by -x -d 'Move it so many entries, -N back or +N on'
complete -c evreplay -l to-end -d 'Move it to the end'
complete -c evreplay -l behind -x -d 'Move it exactly behind this id'
complete -c evreplay -l entries-read -x -d 'Of --behind: what the group has read'
complete -c evreplay -l lease -x -d 'Consumers silent so long are not active (30s)'
complete -c evreplay -s y -l yes -d 'Do it, not only print the plan'
complete -c evreplay -l no-audit -d 'No event in ev:audit'
complete -c evreplay -l correlation -x -d 'Keep an event and those it correlates'
# end

# options of all
for c in evpub evsub evtail evlag evtrim evdlq evreplay
    complete -c $c -f
    complete -c $c -s q -l quiet -d 'Say nothing but errors'
    complete -c $c -s v -l verbose -d 'Say more'
    complete -c $c -l log -x -a 'text json' -d 'Messages as text or json'
    complete -c $c -l profile -x -d 'Section of the config file to use'
    complete -c $c -l dump-config -d 'Print all settings and where they are from'
    complete -c $c -l print-acl -d 'Print the ACL rule of a user who may do this'
    complete -c $c -s h -l help -d 'Print a summary'
    complete -c $c -s V -l version -d 'Print the version'
end
# end

end
