// The functions of libpq, loaded when PostgreSQL is first asked for: pq().PQexec(...) instead of PQexec(...).
#pragma once

#include <libpq-fe.h>

#include <troupe/error.hpp>

namespace troupe {

// clang-format off
#define TROUPE_LIBPQ_FUNCTIONS(f)                                                                     \
  f(PQbackendPID) f(PQclear) f(PQcmdStatus) f(PQcmdTuples) f(PQconnectPoll) f(PQconnectStartParams)   \
  f(PQconninfo) f(PQconninfoFree) f(PQconninfoParse) f(PQconsumeInput) f(PQencryptPasswordConn)       \
  f(PQenterPipelineMode)                                                                              \
  f(PQerrorMessage) f(PQexitPipelineMode) f(PQfinish) f(PQflush) f(PQfname) f(PQfreemem) f(PQftype)   \
  f(PQgetisnull) f(PQgetlength) f(PQgetResult) f(PQgetvalue) f(PQhost) f(PQhostaddr) f(PQisBusy)      \
  f(PQnfields) f(PQnotifies) f(PQntuples) f(PQpipelineSync) f(PQport) f(PQputCopyData)                \
  f(PQputCopyEnd) f(PQresultErrorField) f(PQresultErrorMessage) f(PQresultStatus) f(PQsendPrepare)    \
  f(PQsendQuery) f(PQsendQueryParams) f(PQsendQueryPrepared) f(PQsetNoticeProcessor)        \
  f(PQsetNoticeReceiver) f(PQsetnonblocking) f(PQsocket) f(PQstatus)
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
