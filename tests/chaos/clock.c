/* Loaded into one function (LD_PRELOAD), shifts the clock that tells the time by CLOCK_SHIFT_S seconds. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    const char *shift = getenv("CLOCK_SHIFT_S");
    if (!failed && shift && clock == CLOCK_REALTIME) now->tv_sec += atol(shift);
    return failed;
}
