#!/bin/sh
# users.sh DIRECTORY - a Redis user for each program, with what it needs
#
# The users are those of a small shop: events come into the stream "orders", the
# group "billing" works them off, operators look, trim and redrive.  Change the
# list below to what runs at your place: a name, then the command line as it is
# run, and --print-acl says what its user must be allowed.
#
# Writes into DIRECTORY a password file for each user (NAME.password, kept if it
# is there) and users.acl, which has their hashes and no password.  The server
# takes that by "aclfile DIRECTORY/users.acl" in redis.conf, or from
#
#     sed 's/^user/ACL SETUSER/' users.acl | redis-cli
#
# and a program by
#
#     evsub -u redis://billing@HOST --password-file DIRECTORY/billing.password ...
#
# The user "default" stays as it is: take its rights away once all others work.
set -eu

users='
shop	evpub --dedup 1d orders
billing	evsub -g billing orders -- charge
viewer	evtail -f -g billing --since 1h orders
monitor	evlag --check orders
trimmer	evtrim --keep 7d --dead 30d --consumers 1d -y orders
support	evdlq --redrive --since 1h -y orders
replayer	evreplay --since 1d --to orders-again orders
'

if [ $# -ne 1 ]; then
	echo 'usage: users.sh DIRECTORY' >&2
	exit 2
fi
umask 077
mkdir -p "$1"

# password FILE - make one if there is none
password()
{
	[ -s "$1" ] || od -An -N24 -tx1 /dev/urandom | tr -d ' \n' >"$1"
}

# rule NAME HASH PROGRAM ARG... - the line of NAME in an ACL file
rule()
{
	name=$1 hash=$2 program=$3
	shift 3
	said=$(EV_URL=redis://$name@localhost "$program" --print-acl "$@")
	printf '%s\n' "$said" |
		sed "s/^ACL SETUSER/user/; s/ >PASSWORD / #$hash /"
}

file=$1/users.acl
echo 'user default on nopass ~* &* +@all' >"$file.new"
printf '%s' "$users" | while read -r name command; do
	[ -n "$name" ] || continue
	password "$1/$name.password"
	hash=$(head -n 1 "$1/$name.password" | tr -d '\n' | sha256sum)
	# shellcheck disable=SC2086 # the words of a command line
	rule "$name" "${hash%% *}" $command >>"$file.new"
done
mv "$file.new" "$file"
