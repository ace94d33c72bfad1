"""The application's own tables. Tasks and web views use the same models."""

import os
from datetime import UTC, datetime
from functools import cache

from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.schema import CreateTable


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]


class Task(Base):
    """An entry of a user's to-do list: what the application is about."""

    __tablename__ = "tasks"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(index=True)
    title: Mapped[str]
    status: Mapped[str]
    completed_at: Mapped[datetime | None]


class Log(Base):
    __tablename__ = "logs"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    created_at: Mapped[datetime]


class Email(Base):
    """A mail that is to be sent once; ``sent_at`` says that it was."""

    __tablename__ = "emails"

    id: Mapped[str] = mapped_column(primary_key=True)
    to: Mapped[str]
    subject: Mapped[str]
    sent_at: Mapped[datetime | None]


class Order(Base):
    __tablename__ = "orders"

    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str]
    cents: Mapped[int]
    status: Mapped[str] = mapped_column(default="new")  # new, paid, confirmed


class WebhookEvent(Base):
    """What somebody else's system told us, as it was told."""

    __tablename__ = "webhook_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    event: Mapped[str]
    data: Mapped[str]


@cache
def engine() -> Engine:
    """The database of ``ORION_DATABASE_URL``; its tables are made when they are missing."""
    made = create_engine(os.environ.get("ORION_DATABASE_URL", "sqlite:///orion.db"))
    with made.begin() as connection:
        for table in Base.metadata.sorted_tables:
            connection.execute(CreateTable(table, if_not_exists=True))
    return made


def session() -> Session:
    """A session that commits when its block ends: ``with session() as db, db.begin():``."""
    return Session(engine())


def now() -> datetime:
    """This moment in UTC, without a zone: SQLite keeps none."""
    return datetime.now(UTC).replace(tzinfo=None)
