// SPDX-License-Identifier: Apache-2.0
#include "serving/http/exchange.h"

#include <utility>

#include "serving/http/response_queue.h"

namespace marlin::http {

Exchange::Exchange(Request request, std::shared_ptr<ResponseQueue> queue)
    : request_(std::move(request)), queue_(std::move(queue)) {}

Exchange::~Exchange() { queue_->abandon(); }

bool Exchange::respond(Response response) { return queue_->respond(std::move(response)); }

bool Exchange::begin_stream(Response head, std::string filler) {
  return queue_->begin_stream(std::move(head), std::move(filler));
}

bool Exchange::write(std::string_view bytes) { return queue_->write(bytes); }

bool Exchange::end() { return queue_->end(); }

void Exchange::on_closed(std::function<void()> callback) { queue_->on_closed(std::move(callback)); }

bool Exchange::is_closed() const { return queue_->is_closed(); }

std::size_t Exchange::pending_bytes() const { return queue_->pending_bytes(); }

}  // namespace marlin::http
