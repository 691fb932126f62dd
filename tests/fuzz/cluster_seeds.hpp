// The first files of the corpora election_messages and shard_messages.
#pragma once

#include <filesystem>

void write_cluster_seeds(const std::filesystem::path& corpus);
