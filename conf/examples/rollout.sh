#!/bin/bash
# An example: makes a private network of machines that you reach with ssh, or adds machines to it, or upgrades it.
#
#   rollout.sh -b BOOTSTRAP[,BOOTSTRAP...] [-d FOLDER] [-e COMMAND] [-s FILE] HOST...
#
#   -b  the nodes that others dial first, as in node1.example,node2.example
#   -d  a folder with kithd_*.deb and kith_*.deb to install; without it they are installed already
#   -e  reaches a machine as root, "ssh -l root" by default: it is run as COMMAND HOST SCRIPT
#   -s  the file of the secret, ./secret by default; made if it is missing
#
# One machine after the other gets the packages, the secret and the settings, and its node starts again if any of
# these has changed. The next one follows when that node has a peer. Run it again whenever something is to be changed: it
# changes what differs. The secret travels on stdin, never in arguments that others on a machine can see.
# What is in single quotes is expanded on the machine.
# shellcheck disable=SC2016
set -eu

remote_shell="ssh -l root"
secret=secret
bootstraps=
packages=
while getopts b:d:e:s: option; do
	case $option in
	b) bootstraps=$OPTARG ;;
	d) packages=$OPTARG ;;
	e) remote_shell=$OPTARG ;;
	s) secret=$OPTARG ;;
	*) exit 64 ;;
	esac
done
shift $((OPTIND - 1))
if [ -z "$bootstraps" ] || [ $# -eq 0 ]; then
	sed -n 's/^#   rollout/usage: rollout/p' "$0" >&2
	exit 64
fi

# remote HOST SCRIPT: runs it as root, with the stdin of this call.
remote() {
	# The command is several words.
	# shellcheck disable=SC2086
	$remote_shell "$1" "$2"
}

say() {
	printf '%s: %s\n' "$1" "$2"
}

if [ ! -e "$secret" ]; then
	(umask 077 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$secret" && echo >>"$secret")
	say "$secret" "a new secret; keep it, and nobody else may read it"
fi

settings() {
	printf '# begin of rollout.sh\n'
	printf 'bootstrap = ["%s"];\n' "${bootstraps//,/\", \"}"
	printf 'secret_file = "/etc/kith/secret";\n'
	printf '# end of rollout.sh\n'
}

# A new package starts the node again. dpkg would ask which kith.conf to keep: the one with these settings stays.
install_packages='set -eu
folder=$(mktemp -d) && trap "rm -rf $folder" EXIT
tar -x -C "$folder"
export DEBIAN_FRONTEND=noninteractive
apt-get -q -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
	install "$folder"/kithd_*.deb "$folder"/kith_*.deb >&2'

# What is changed is marked first, so that a run that was interrupted is made good by the next one.
install_secret='set -eu
umask 077
cat >/etc/kith/secret.new
chown root:kithd /etc/kith/secret.new
chmod 640 /etc/kith/secret.new
if cmp -s /etc/kith/secret.new /etc/kith/secret; then rm /etc/kith/secret.new
else touch /run/kith-rollout; mv /etc/kith/secret.new /etc/kith/secret; fi'

install_settings='set -eu
new=/etc/kith/kith.conf.new
sed "/^# begin of rollout.sh/,/^# end of rollout.sh/d" /etc/kith/kith.conf >$new
cat >>$new
runuser -u kithd -- kithd -t -c $new >&2 || { rm $new; exit 78; }
if cmp -s $new /etc/kith/kith.conf; then rm $new
else chmod 644 $new; touch /run/kith-rollout; mv $new /etc/kith/kith.conf; fi'

start='[ -e /run/kith-rollout ] || exit 0
systemctl -q enable kithd && systemctl restart kithd && rm /run/kith-rollout && echo "its node has started again"'

# Until the node answers and has so many peers, for half a minute. A warning of kith check is shown, and is no failure.
await='for i in $(seq 60); do
said=$(kith check --min-peers-critical MIN 2>&1); status=$?
[ $status -gt 1 ] || break; sleep 0.5; done
echo "${said%%|*}"; [ $status -le 1 ]'

expect_peers() {
	local said status=0
	said=$(remote "$1" "${await//MIN/$2}" </dev/null) || status=1
	say "$1" "$said"
	return $status
}

roll_out() {
	local host=$1 least=$2 said
	[ -z "$packages" ] || (cd "$packages" && tar -c kithd_*.deb kith_*.deb) | remote "$host" "$install_packages"
	remote "$host" "$install_secret" <"$secret"
	settings | remote "$host" "$install_settings"
	said=$(remote "$host" "$start" </dev/null)
	[ -z "$said" ] || say "$host" "$said"
	expect_peers "$host" "$least"
}

host=
trap '[ $? -eq 0 ] || [ -z "$host" ] || say "$host" "failed; run it again when that is fixed" >&2' EXIT

# The first node has nobody to find.
least=0
for host; do
	roll_out "$host" $least
	least=1
done

for host; do
	expect_peers "$host" $(($# > 1))
done
