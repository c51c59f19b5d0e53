# SPDX-License-Identifier: Apache-2.0
"""The resources of all systems. Each takes the prefix that a system's paths have."""

from harness import new_id
from nouns import Noun

# A well-formed id that nothing has, for members that refer to something.
NOTHING = "01890000-0000-7000-8000-000000000000"


def notebook(prefix=""):
    return Noun(prefix + "/notebooks", lambda: {"title": "Travels"}, {"title": "Voyages"},
                {"title": 7}, "notebook_id")


def notebook_section(prefix=""):
    return Noun(prefix + "/notebooks/{notebook_id}/sections", lambda: {"title": "Norway"},
                {"title": "Sweden"}, {"title": 7}, "section_id", notebook(prefix))


def page(prefix=""):
    return Noun(prefix + "/notebooks/{notebook_id}/pages",
                lambda: {"title": "Day one", "content": "Rain."}, {"content": "Sun."},
                {"content": 7}, "page_id", notebook(prefix))


def conversation(prefix=""):
    return Noun(prefix + "/conversations", lambda: {"title": "Plans"}, {"title": "Plans for May"},
                {"title": 7}, "conversation_id")


def message(prefix=""):
    return Noun(prefix + "/conversations/{conversation_id}/messages", lambda: {"content": "Hello"},
                {}, {"content": 7}, "message_id", conversation(prefix), is_soft=False)


def user(prefix=""):
    return Noun(prefix + "/users", lambda: {"email": f"{new_id()}@example.org"},
                {"full_name": "Ada King"}, {"role": "king"}, "user_id")


def task(prefix=""):
    return Noun(prefix + "/tasks", lambda: {"title": "Buy milk"}, {"title": "Buy bread"},
                {"title": 7}, "task_id")


def goal(prefix=""):
    return Noun(prefix + "/goals", lambda: {"title": "Run 10 km"}, {"title": "Run 20 km"},
                {"title": 7}, "goal_id")


def note(prefix=""):
    return Noun(prefix + "/notes", lambda: {"title": "Ideas"}, {"title": "Plans"}, {"title": 7},
                "note_id")


def reflection(prefix=""):
    return Noun(prefix + "/reflections",
                lambda: {"content": "It went well.", "reflection_type": "daily"},
                {"content": "It went better."}, {"content": 7}, "reflection_id")


def life_area(prefix=""):
    return Noun(prefix + "/life-areas", lambda: {"name": "Health"}, {"name": "Work"}, {"name": 7},
                "life_area_id")


def project(prefix=""):
    return Noun(prefix + "/projects", lambda: {"name": "House"}, {"name": "Garden"}, {"name": 7},
                "project_id")


def memory(prefix=""):
    return Noun(prefix + "/memories", lambda: {"content": "Likes tea."},
                {"content": "Likes coffee."}, {"content": 7}, "memory_id")


def voice_annotation(prefix=""):
    return Noun(prefix + "/voice-annotations", lambda: {"title": "A thought"},
                {"title": "A better one"}, {"title": 7}, "annotation_id")


def organization(prefix=""):
    return Noun(prefix + "/organizations", lambda: {"name": "Club"}, {"name": "Society"},
                {"name": 7}, "organization_id")


def plugin(prefix=""):
    return Noun(prefix + "/plugins", lambda: {"name": "habits"}, {"name": "routines"}, {"name": 7},
                "plugin_id")


def item_of(noun):
    """A new resource's id, for a member that refers to it. LookupError where there is none yet."""
    def given(world):
        made = noun.create(world)
        if made.status != 201:
            raise LookupError(noun.path)
        return made.json["id"]
    return given
