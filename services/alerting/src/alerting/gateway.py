"""The gateway, asked by this service's commands like any client asks it."""

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlencode

import urllib3
from pydantic import BaseModel, SecretStr, ValidationError

from vigie.errors import Unavailable

SECONDS = 30.0

AnswerT = TypeVar("AnswerT", bound=BaseModel)


class Gateway:
    """Answers as the schema that is expected; raises `Unavailable`, with the gateway's own words where it gave any.

    While it is too busy it is asked again, for some half a minute.
    """

    def __init__(self, url: str, key: SecretStr | None) -> None:
        self._url = url
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["X-API-Key"] = key.get_secret_value()
        retries = urllib3.Retry(total=6, backoff_factor=0.5, status_forcelist=(429, 503), allowed_methods=None)
        self._http = urllib3.PoolManager(retries=retries, timeout=SECONDS)

    def get(self, path: str, fields: Mapping[str, str], schema: type[AnswerT]) -> AnswerT:
        """`GET` with these fields in the query."""
        return self._asked("GET", f"{path}?{urlencode(fields)}", None, schema)

    def post(self, path: str, body: BaseModel, schema: type[AnswerT]) -> AnswerT:
        """`POST` with those fields of the body that are not null."""
        return self._asked("POST", path, body.model_dump_json(exclude_none=True).encode(), schema)

    def _asked(self, method: str, path: str, body: bytes | None, schema: type[AnswerT]) -> AnswerT:
        try:
            reply = self._http.request(method, f"{self._url}{path}", body=body, headers=self._headers)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"the gateway at {self._url} cannot be reached: {type(error).__name__}") from error
        if reply.status != 200:
            raise Unavailable(f"the gateway answered {reply.status}: {reply.data[:300].decode(errors='replace')}")
        try:
            return schema.model_validate_json(reply.data)
        except ValidationError as error:
            raise Unavailable(f"the gateway's answer cannot be read: {error}") from error
