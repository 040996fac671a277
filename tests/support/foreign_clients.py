"""What the clients of KServe and Triton get from a V2 server: run by an interpreter that has them, prints JSON.

`foreign_clients.py URL MODEL KEY TEXT…`: each client asks for readiness and for inferences, with the texts as a binary
tensor, which is what both do unasked, and as JSON. Vigie's own environment cannot hold `kserve`: it wants older
packages. Triton's client counts characters where it should count bytes, so that its JSON is cut off unless it is ASCII:
that is left out.
"""

import asyncio
import json
import sys

import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from tritonclient import http as triton

OUTPUTS = ("probability_negative", "label")


async def by_kserve(url: str, model: str, headers: dict[str, str], texts: list[str]) -> dict[str, object]:
    """`InferenceRESTClient`."""
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    said: dict[str, object] = {
        "live": await client.is_server_live(url, headers=headers),
        "ready": await client.is_model_ready(url, model, headers=headers),
    }
    for name, binary in (("json", False), ("binary", True)):
        tensor = InferInput("text", [len(texts)], "BYTES")
        tensor.set_data_from_numpy(np.array(texts, dtype=object), binary_data=binary)
        request = InferRequest(model_name=model, infer_inputs=[tensor])
        reply = await client.infer(url, request, model_name=model, headers=headers)
        said[name] = [reply.get_output_by_name(output).data for output in OUTPUTS]
    await client.close()
    return said


def by_triton(url: str, model: str, headers: dict[str, str], texts: list[str]) -> dict[str, object]:
    """`tritonclient.http`."""
    client = triton.InferenceServerClient(url.removeprefix("http://"))
    said: dict[str, object] = {
        "live": client.is_server_live(headers=headers),
        "ready": client.is_model_ready(model, headers=headers),
    }
    tensor = triton.InferInput("text", [len(texts)], "BYTES")
    tensor.set_data_from_numpy(np.array([text.encode() for text in texts], dtype=object))
    reply = client.infer(model, [tensor], headers=headers)
    said["binary"] = [reply.as_numpy(output).tolist() for output in OUTPUTS]
    client.close()
    return said


def main() -> None:
    """Prints what each client got."""
    url, model, key, *texts = sys.argv[1:]
    headers = {"X-API-Key": key}
    kserve = asyncio.run(by_kserve(url, model, headers, texts))
    print(json.dumps({"kserve": kserve, "triton": by_triton(url, model, headers, texts)}))


if __name__ == "__main__":
    main()
