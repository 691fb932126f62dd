// The functions of libpq, loaded when PostgreSQL is first asked for: pq().PQexec(...) instead of PQexec(...).
#pragma once

#include <libpq-fe.h>

#include <troupe/error.hpp>

namespace troupe {

// clang-format off
#define TROUPE_LIBPQ_FUNCTIONS(f)                                                                     \
  f(PQclear) f(PQcmdTuples) f(PQconnectPoll) f(PQconnectStartParams) f(PQconninfo) f(PQconninfoFree)  \
  f(PQconsumeInput) f(PQerrorMessage) f(PQfinish) f(PQflush) f(PQfreemem) f(PQgetlength)              \
  f(PQgetResult) f(PQgetvalue) f(PQisBusy) f(PQnotifies) f(PQntuples) f(PQresultErrorField)           \
  f(PQresultErrorMessage) f(PQresultStatus) f(PQsendQueryParams) f(PQsetNoticeProcessor)              \
  f(PQsetnonblocking) f(PQsocket) f(PQstatus)
// clang-format on

struct libpq {
#define TROUPE_MEMBER(name) decltype(&::name) name = nullptr;
  TROUPE_LIBPQ_FUNCTIONS(TROUPE_MEMBER)
#undef TROUPE_MEMBER
};

/// Loads libpq.so.5, once; the same answer ever after. errc::unavailable.
[[nodiscard]] expected<void> load_libpq();

/// After load_libpq() has succeeded.
[[nodiscard]] const libpq& pq() noexcept;

}  // namespace troupe
