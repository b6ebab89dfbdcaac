// The validator's channel to a real sandbox: policy_script() runs in it as an ordinary program, and its
// standard streams end here. All on the client's io_context thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "supervisor/client.hpp"
#include "validation/channel.hpp"

namespace executor {

OpenChannel sandbox_channels(boost::asio::io_context& context,
                             const std::shared_ptr<supervisor::Client>& client);

}  // namespace executor
