# Runs as the first process of new namespaces: builds a file system in memory, enters it, drops every right, runs.
# unshared.sh MOUNT_POINT SCRATCH_BYTES TASKS USER [OUTSIDE INSIDE]... -- COMMAND...
# OUTSIDE: a file or folder that is shown, read-only; empty to lay an empty folder over what was shown.
# USER: 0 inside of a user namespace; for the machine's root, an unprivileged user who then gets a namespace of his own,
# because the kernel exempts the user root from its limit on tasks.
set -eu
PATH=/usr/bin:/bin:/usr/sbin:/sbin
umask 022
root=$1
scratch=$2
tasks=$3
user=$4
shift 4
mount -t tmpfs -o mode=755,size=16m tmpfs "$root"
# First, as packages may lie below it.
mkdir "$root/tmp"
mount -t tmpfs -o "size=$scratch,nosuid,nodev" tmpfs "$root/tmp"
while [ "$1" != "--" ]; do
    if [ -z "$1" ]; then
        mount -t tmpfs -o ro,size=4k,nosuid,nodev,noexec tmpfs "$root$2"
        shift 2
        continue
    fi
    if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$root$(dirname "$2")"; : > "$root$2"; fi
    mount --bind "$1" "$root$2"
    mount -o remount,bind,ro,nosuid,nodev "$root$2"
    shift 2
done
shift
mkdir -p "$root/proc" "$root/dev" "$root/old"
mount -t proc proc "$root/proc"
for device in null zero full random urandom; do
    : > "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir "$root/dev/shm"
mount -t tmpfs -o "size=$scratch,nosuid,nodev" tmpfs "$root/dev/shm"
cd "$root"
pivot_root . old
umount -l /old
rmdir /old
mkdir /tmp/home
chown "$user:$user" /tmp/home
# With bind it changes the mount alone: without, an ordinary user would have to give the options of its making again.
mount -o remount,bind,ro /
cd /tmp/home
# In the namespace of the code's own: no further namespaces, no more tasks than this, no rights, and an end with its parent.
last='echo 0 > /proc/sys/user/max_user_namespaces
exec prlimit --nproc="$0" setpriv --pdeathsig KILL --no-new-privs --bounding-set=-all --inh-caps=-all --ambient-caps=-all -- "$@"'
if [ "$user" = 0 ]; then
    exec /bin/sh -euc "$last" "$tasks" "$@"
fi
exec setpriv --reuid "$user" --regid "$user" --clear-groups -- unshare --user --map-root-user -- /bin/sh -euc "$last" "$tasks" "$@"
