/* Makes system calls on a sweep's files fail at random moments: for LD_PRELOAD, built by the test beside it.
 *
 * SHIM_LOG   file to which every fault is appended, a line each
 * SHIM_SEED  decides which calls fail
 * SHIM_RATE  faults in a thousand calls
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DESCRIPTORS 65536

static const int ERRORS[] = {ESTALE, EIO, ENOSPC, EINTR};
static const char *const NAMES[] = {"ESTALE", "EIO", "ENOSPC", "EINTR"};

static atomic_uint_fast64_t calls;
static atomic_uchar watched[DESCRIPTORS];
static uint64_t seed, rate;
static int log_file = -1;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("SHIM_LOG"), *s = getenv("SHIM_SEED"), *r = getenv("SHIM_RATE");
    if (!path || !s || !r) return;
    seed = strtoull(s, NULL, 10);
    rate = strtoull(r, NULL, 10);
    log_file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

/* SplitMix64 of the seed and the call's number. */
static uint64_t draw(void) {
    uint64_t z = seed * 0x9e3779b97f4a7c15u + (atomic_fetch_add(&calls, 1) + 1) * 0xd1b54a32d192ed03u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int of_the_sweep(const char *path) {
    return path && (strstr(path, "runs/walk") || strstr(path, "reports/walk"));
}

static int fails(const char *call, int on_the_sweep) {
    if (log_file < 0 || !on_the_sweep) return 0;
    uint64_t z = draw();
    if (z % 1000 >= rate) return 0;
    unsigned which = (unsigned)(z >> 40) % 4;
    char line[64];
    int length = snprintf(line, sizeof line, "%s %s\n", call, NAMES[which]);
    syscall(SYS_write, log_file, line, (size_t)length);
    errno = ERRORS[which];
    return 1;
}

static int is_watched(int fd) { return fd >= 0 && fd < DESCRIPTORS && watched[fd]; }

static int opened(int fd, const char *path) {
    if (fd >= 0 && fd < DESCRIPTORS) watched[fd] = (unsigned char)of_the_sweep(path);
    return fd;
}

#define REAL(name, ...) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(more, mode_t) : 0;                                      \
        va_end(more);                                                                                                  \
        if (fails("open", of_the_sweep(path))) return -1;                                                              \
        return opened(REAL(name, path, flags, mode), path);                                                            \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    if (fd >= 0 && fd < DESCRIPTORS) watched[fd] = 0;
    return REAL(close, fd);
}

ssize_t read(int fd, void *to, size_t count) {
    if (fails("read", is_watched(fd))) return -1;
    return REAL(read, fd, to, count);
}

ssize_t write(int fd, const void *from, size_t count) {
    if (fails("write", is_watched(fd))) return -1;
    return REAL(write, fd, from, count);
}

int fsync(int fd) {
    if (fails("fsync", is_watched(fd))) return -1;
    return REAL(fsync, fd);
}

int rename(const char *from, const char *to) {
    if (fails("rename", of_the_sweep(from))) return -1;
    return REAL(rename, from, to);
}

int link(const char *from, const char *to) {
    if (fails("link", of_the_sweep(from))) return -1;
    return REAL(link, from, to);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    if (fails("link", of_the_sweep(from))) return -1;
    return REAL(linkat, from_folder, from, to_folder, to, flags);
}

int unlink(const char *path) {
    if (fails("unlink", of_the_sweep(path))) return -1;
    return REAL(unlink, path);
}

int mkdir(const char *path, mode_t mode) {
    if (fails("mkdir", of_the_sweep(path))) return -1;
    return REAL(mkdir, path, mode);
}

DIR *opendir(const char *path) {
    if (fails("opendir", of_the_sweep(path))) return NULL;
    return REAL(opendir, path);
}
