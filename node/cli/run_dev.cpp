#include "node/cli/run_dev.hpp"

#include <csignal>
#include <cstdio>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <troupe/local_cluster.hpp>

#include "node/cli/exit_code.hpp"
#include "node/cli/table.hpp"

namespace troupe::cli {

int run_dev(std::size_t nodes) {
  std::signal(SIGPIPE, SIG_IGN);
  boost::asio::io_context loop(1);
  boost::asio::signal_set signals(loop, SIGTERM, SIGINT, SIGHUP);
  local_cluster_options options;
  options.nodes = nodes;
  options.log_level = "warn";
  auto cluster = local_cluster::start(std::move(options));
  if (!cluster) {
    std::fprintf(stderr, "troupe: %s\n", describe(cluster.error()).c_str());
    return exit_code_of(cluster.error().code);
  }
  std::vector<std::vector<std::string>> rows{{"node", "http", "resp", "cluster", ""}};
  for (std::size_t i = 0; i < cluster->size(); ++i) {
    const auto a = cluster->at(i).addresses();
    rows.push_back({cluster->at(i).settings().node.name, "http://" + a.http, a.resp, a.cluster,
                    i == cluster->leader() ? "leader" : ""});
  }
  std::fputs(format_table(rows).c_str(), stdout);
  std::printf("Ctrl-C ends them all.\n");
  std::fflush(stdout);
  signals.async_wait([](boost::system::error_code, int) {});
  loop.run();
  return exit_done;
}

}  // namespace troupe::cli
