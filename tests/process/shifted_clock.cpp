// Loaded before the C library into a program under test: its wall clock goes TEST_CLOCK_SHIFT seconds wrong,
// the monotonic one does not.
#include <cstdlib>
#include <ctime>

#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

namespace {

long shift() {
  static const long seconds = [] {
    const char* text = std::getenv("TEST_CLOCK_SHIFT");
    return text == nullptr ? 0 : std::atol(text);
  }();
  return seconds;
}

}  // namespace

extern "C" int clock_gettime(clockid_t clock, struct timespec* time) {
  const long result = ::syscall(SYS_clock_gettime, clock, time);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += shift();
  return static_cast<int>(result);
}

extern "C" time_t time(time_t* into) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != nullptr) *into = now.tv_sec;
  return now.tv_sec;
}

extern "C" int gettimeofday(struct timeval* into, void*) {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  into->tv_sec = now.tv_sec;
  into->tv_usec = now.tv_nsec / 1000;
  return 0;
}
