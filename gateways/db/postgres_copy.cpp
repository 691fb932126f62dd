// COPY on a connection: outside of pipeline mode, which does not allow it, a chunk at a time as the socket takes them.
#include <charconv>
#include <cstring>
#include <utility>

#include <boost/asio/post.hpp>

#include "gateways/db/postgres_copying.hpp"

namespace troupe {
namespace {

constexpr int chunks_at_a_time = 8;

}  // namespace

void postgres_connection::copy_in(const std::string& text, std::function<expected<std::string>()> next_chunk,
                                  std::function<void(expected<std::uint64_t>, bool unclear)> done) {
  copying_ = std::make_unique<copying>();
  copying_->next_chunk = std::move(next_chunk);
  copying_->done = std::move(done);
  auto* c = connection_.get();
  if (!open_) return end_copy(fail(errc::unavailable, "postgres: the connection is closed"), true);
  if (pq().PQexitPipelineMode(c) != 1 || pq().PQsendQuery(c, text.c_str()) != 1)
    return break_off("cannot begin to copy");
  flush();
}

// Called when something arrived or the socket takes more.
void postgres_connection::copy_more() {
  auto* c = connection_.get();
  int chunks = 0;
  for (;;) {
    if (copying_->at == copying::stage::sending) {
      if (++chunks > chunks_at_a_time) {  // others use this loop, too
        return boost::asio::post(loop_, [self = shared_from_this()] {
          if (self->copying_) self->copy_more();
        });
      }
      if (!copy_chunk()) return;
      continue;
    }
    if (pq().PQisBusy(c) != 0) return;
    const postgres_result r(pq().PQgetResult(c));
    if (!r) return end_copy(std::move(copying_->outcome), false);
    const auto status = pq().PQresultStatus(r.get());
    if (status == PGRES_COPY_IN) {
      copying_->at = copying::stage::sending;
    } else if (status == PGRES_COMMAND_OK) {
      std::uint64_t rows = 0;
      const char* text = pq().PQcmdTuples(r.get());
      std::from_chars(text, text + std::strlen(text), rows);
      if (copying_->outcome) copying_->outcome = rows;
      copying_->at = copying::stage::done;
    } else {
      auto fault = fault_of(r.get());
      if (fault.ends_session || pq().PQstatus(c) == CONNECTION_BAD) return break_off("the connection broke");
      if (copying_->outcome) copying_->outcome = tl::unexpected(std::move(fault.why));
    }
  }
}

// False when the socket takes no more now, or the connection broke.
bool postgres_connection::copy_chunk() {
  auto* c = connection_.get();
  if (copying_->waiting.empty()) {
    auto chunk = copying_->next_chunk();
    if (!chunk || chunk->empty()) {
      const char* why = chunk ? nullptr : "the rows ended in an error";
      if (!chunk) copying_->outcome = tl::unexpected(std::move(chunk.error()));
      copying_->given_up = why != nullptr;
      if (pq().PQputCopyEnd(c, why) < 0) {
        break_off("cannot send");
        return false;
      }
      copying_->at = copying::stage::ended;
      flush();
      return open_;
    }
    copying_->waiting = std::move(*chunk);
  }
  const int taken = pq().PQputCopyData(c, copying_->waiting.data(), static_cast<int>(copying_->waiting.size()));
  if (taken == 1) copying_->waiting.clear();
  if (taken < 0) break_off("cannot send");
  if (taken < 0) return false;
  if (taken == 1 && pq().PQflush(c) == 0) return true;
  flush();
  return false;
}

// The connection broke. Before the end of the rows was sent, and after an answer, the outcome is known all the same.
void postgres_connection::close_copy(const error& why) {
  if (!copying_->outcome) copying_->at = copying::stage::done;
  if (copying_->at == copying::stage::done) return end_copy(std::move(copying_->outcome), true);
  end_copy(tl::unexpected(why), true);
}

void postgres_connection::end_copy(expected<std::uint64_t> outcome, bool lost) {
  const auto ended = std::move(copying_);
  ++answered_;
  const bool silent = lost && ended->at == copying::stage::ended && !ended->given_up;
  const bool unclear = silent || (outcome && ended->unreplicated);
  const bool usable = lost || pq().PQenterPipelineMode(connection_.get()) == 1;
  ended->done(std::move(outcome), unclear);
  if (!usable) break_off("no pipeline mode");
}

}  // namespace troupe
