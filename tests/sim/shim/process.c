/* Time and chance of a simulated process.
 *
 * Linked into the simulator in place of the C library's functions of the same names. With
 * SEATGRID_SIM_SEED in the environment, clocks stand still but for sleeps, which return at once and
 * move them, and random bytes follow from the seed; without it, everything is as the kernel says.
 * Nothing may run beside the one thread then, so a second thread ends the process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

/* 2026-01-01T00:00:00Z, and a monotonic clock that has run for a day. */
#define WALL_START_NS 1767225600000000000LL
#define MONOTONIC_START_NS 86400000000000LL
/* A sleep of more than this sets how far the wall clock is off: 2^40 s stands for none. */
#define COMMAND_S (1LL << 39)
#define NO_SKEW_S (1LL << 40)

static int is_simulated = -1;
static uint64_t chance;
static int64_t passed_ns;
static int64_t skew_ns;

static int simulated(void) {
    if (is_simulated < 0) {
        const char *seed = getenv("SEATGRID_SIM_SEED");
        is_simulated = seed != NULL;
        if (seed != NULL) chance = strtoull(seed, NULL, 10);
    }
    return is_simulated;
}

/* SplitMix64. */
static uint64_t next_chance(void) {
    uint64_t z = (chance += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

ssize_t getrandom(void *buffer, size_t length, unsigned int flags) {
    if (!simulated()) return syscall(SYS_getrandom, buffer, length, flags);
    unsigned char *out = buffer;
    for (size_t at = 0; at < length; at += 8) {
        uint64_t bits = next_chance();
        size_t rest = length - at < 8 ? length - at : 8;
        memcpy(out + at, &bits, rest);
    }
    return (ssize_t)length;
}

int clock_gettime(clockid_t clock, struct timespec *out) {
    if (!simulated()) return (int)syscall(SYS_clock_gettime, clock, out);
    int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    int64_t now = passed_ns + (is_wall ? WALL_START_NS + skew_ns : MONOTONIC_START_NS);
    out->tv_sec = now / 1000000000;
    out->tv_nsec = now % 1000000000;
    return 0;
}

static void pass(const struct timespec *time) {
    if (time->tv_sec > COMMAND_S) {
        skew_ns = (time->tv_sec - NO_SKEW_S) * 1000000000 + time->tv_nsec;
    } else {
        passed_ns += time->tv_sec * 1000000000 + time->tv_nsec;
    }
}

int nanosleep(const struct timespec *time, struct timespec *rest) {
    if (!simulated()) return (int)syscall(SYS_nanosleep, time, rest);
    pass(time);
    return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *time, struct timespec *rest) {
    if (!simulated()) {
        return syscall(SYS_clock_nanosleep, clock, flags, time, rest) == 0 ? 0 : errno;
    }
    if (flags & TIMER_ABSTIME) abort();
    pass(time);
    return 0;
}

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes,
                          void *(*start)(void *), void *argument) {
    if (simulated()) {
        static const char words[] = "a second thread was started inside the simulation\n";
        if (write(2, words, sizeof words - 1)) abort();
    }
    return __real_pthread_create(thread, attributes, start, argument);
}
