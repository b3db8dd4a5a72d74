#!/bin/sh
# coprocess.sh DIR - the least coprocess: appends events to a file for each group
#
#     evpub people '{"name":"Ada"}' '{"name":"Grace"}'
#     evsub -g archive --coprocess people -- examples/coprocess.sh /var/archive
#
# Records come in, one per line, as evsub writes them: the stream and the id
# first, the event last.  Verdicts go out, one line each; anything else must go
# elsewhere than to standard output.  Nothing is started for an event, so a shell
# does tens of thousands a second.  What can't be written, as the disk is full, is
# tried again after a minute; what is no JSON object is dead.
dir=${1:?usage: coprocess.sh DIR}

while IFS= read -r record; do
	id=${record#*\"id\":\"}
	id=${id%%\"*}
	group=${record#*\"group\":\"}
	group=${group%%\"*}
	case $record in
	*'"event":{'*)
		event=${record#*,\"event\":}
		if printf '%s\n' "${event%\}}" >>"$dir/$group.ndjson"; then
			verdict='"ok":true'
		else
			verdict='"retry":"1m","error":"cannot write"'
		fi
		;;
	*)
		verdict='"dead":true,"error":"not a JSON object"'
		;;
	esac
	printf '{"id":"%s",%s}\n' "$id" "$verdict"
done
