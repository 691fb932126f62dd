#include "gateways/http/event_socket.hpp"

#include <utility>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/rfc6455.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "gateways/http/view_json.hpp"

namespace troupe {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

class event_socket final : public http_tenant, public std::enable_shared_from_this<event_socket> {
 public:
  event_socket(asio::ip::tcp::socket socket, std::shared_ptr<http_lane> lane, event_hub& hub,
               std::shared_ptr<event_stream_counts> counts)
      : ws_(std::move(socket)), lane_(std::move(lane)), hub_(hub), counts_(std::move(counts)) {
    counts_->open.fetch_add(1, std::memory_order_relaxed);
  }

  ~event_socket() override { counts_->open.fetch_sub(1, std::memory_order_relaxed); }

  void start(event_socket_request r) {
    wanted_ = std::move(r);
    websocket::stream_base::timeout limits{};
    limits.handshake_timeout = std::chrono::duration_cast<std::chrono::steady_clock::duration>(wanted_.handshake_max);
    limits.idle_timeout = std::chrono::duration_cast<std::chrono::steady_clock::duration>(wanted_.silence_max);
    limits.keep_alive_pings = true;
    ws_.set_option(limits);
    ws_.read_message_max(event_socket_request::message_bytes_max);
    request_ = http::request<http::empty_body>(http::verb::get, wanted_.target, 11);
    request_.set(http::field::host, wanted_.host);
    request_.set(http::field::upgrade, "websocket");
    request_.set(http::field::connection, "upgrade");
    request_.set(http::field::sec_websocket_key, wanted_.key);
    request_.set(http::field::sec_websocket_version, "13");
    ws_.async_accept(request_, [self = shared_from_this()](error_code failed) {
      if (failed) return self->close();
      self->on_open();
    });
  }

  void close() override {
    if (std::exchange(closed_, true)) return;
    const auto self = shared_from_this();
    if (listener_ != 0) hub_.unlisten(listener_);
    error_code ignored;
    beast::get_lowest_layer(ws_).close(ignored);
    lane_->release(*this);
  }

 private:
  void on_open() {
    if (closed_) return;
    ws_.text(true);
    queue_ = std::make_shared<event_queue>([gate = lane_->gate(), socket = weak_from_this()] {
      gate->post([socket] {
        if (const auto s = socket.lock()) s->pump();
      });
    });
    read();
    listener_ = event_queue::fill(queue_, hub_, std::move(wanted_.kinds), wanted_.resume_after);
  }

  void read() {
    ws_.async_read(in_, [self = shared_from_this()](error_code failed, std::size_t) {
      if (failed) return self->close();
      self->in_.consume(self->in_.size());
      self->read();
    });
  }

  // One message at a time; what comes meanwhile waits in the queue.
  void pump() {
    if (closed_) return;
    queue_->begin();
    if (queue_->overrun() && !overrun_) {
      overrun_ = true;
      counts_->overrun.fetch_add(1, std::memory_order_relaxed);
    }
    if (overrun_ && writing_) return close();  // it takes nothing: a farewell would not arrive either
    if (writing_) return;
    const auto next = queue_->pop();
    if (!next) {
      if (overrun_) say_goodbye();
      return;
    }
    out_ = event_json(*next);
    writing_ = true;
    ws_.async_write(asio::buffer(out_), [self = shared_from_this()](error_code failed, std::size_t) {
      self->writing_ = false;
      if (failed) return self->close();
      self->counts_->sent.fetch_add(1, std::memory_order_relaxed);
      self->pump();
    });
  }

  void say_goodbye() {
    writing_ = true;
    ws_.async_close(websocket::close_reason(websocket::close_code::try_again_later, "too slow"),
                    [self = shared_from_this()](error_code) { self->close(); });
  }

  websocket::stream<asio::ip::tcp::socket> ws_;
  std::shared_ptr<http_lane> lane_;
  event_hub& hub_;
  std::shared_ptr<event_stream_counts> counts_;
  event_socket_request wanted_;
  http::request<http::empty_body> request_;
  std::shared_ptr<event_queue> queue_;
  std::uint64_t listener_ = 0;
  beast::flat_buffer in_;
  std::string out_;
  bool writing_ = false;
  bool overrun_ = false;
  bool closed_ = false;
};

}  // namespace

void serve_event_socket(asio::ip::tcp::socket socket, std::shared_ptr<http_lane> lane, event_socket_request r,
                        event_hub& hub, std::shared_ptr<event_stream_counts> counts) {
  http_lane& home = *lane;
  const auto tenant = std::make_shared<event_socket>(std::move(socket), std::move(lane), hub, std::move(counts));
  if (home.adopt(tenant)) tenant->start(std::move(r));
}

}  // namespace troupe
